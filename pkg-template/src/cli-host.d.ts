// What `cli.ts` uses of Node. Node's own types would make its globals look as if pages had them.
declare module "node:fs/promises" {
  export function readFile(path: string): Promise<Uint8Array>;
  export function readFile(path: string | URL, encoding: "utf8"): Promise<string>;
  export function writeFile(path: string, content: Uint8Array | string, options?: { flag: "wx" }): Promise<void>;
}
declare module "node:path" {
  export function dirname(path: string): string;
  export function join(...parts: string[]): string;
  export function parse(path: string): { dir: string; name: string };
  export function relative(from: string, to: string): string;
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
