// What `cli.ts` uses of Node. Node's own types would make its globals look as if pages had them.
declare module "node:fs/promises" {
  export function readFile(path: string): Promise<Uint8Array>;
  export function readFile(path: string, encoding: "utf8"): Promise<string>;
  export function writeFile(path: string, bytes: Uint8Array): Promise<void>;
}
declare module "node:path" {
  export function join(...parts: string[]): string;
  export function parse(path: string): { dir: string; name: string };
  export function resolve(path: string): string;
}
declare module "node:process" {
  const process: { readonly argv: string[]; exitCode: number };
  export default process;
}
declare module "node:util" {
  export function parseArgs(config: {
    args: string[];
    options: Record<string, { type: "string" | "boolean"; short?: string; multiple?: true }>;
    allowPositionals: true;
  }): { values: { output?: string; keys?: string[]; help?: boolean }; positionals: string[] };
}
