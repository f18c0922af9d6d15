// A GPP string, read as IAB's own library reads it: https://github.com/InteractiveAdvertisingBureau/iabgpp-es
import { bitsOf, cut, sorted } from "./bits.js";
import { decodeCanada } from "./canada.js";
import { decodeEurope } from "./europe.js";
import { rangesEnd, rangesIn } from "./fibonacci.js";
import type { GppSection, GppString } from "./index.js";
import { us } from "./us.js";

type Known = readonly [name: string, decode: (text: string) => GppSection];

/** Reads the header and every section in it that is known. */
export function decodeGpp(text: string): GppString {
  // A TC string alone is what there was before GPP.
  if (text.startsWith("C")) return gppOf([2], [text]);
  if (!text.startsWith("DB")) throw new RangeError();
  const [header, ...sections] = text.split("~");
  return gppOf(idsIn(header!), sections);
}

/** Reads sections by their ids or names. */
export function decodeSections(texts: { readonly [section: string]: string }): GppString {
  return gppOf(Object.keys(texts).map(idOf), Object.values(texts));
}

/** The last of the ids that are known. */
const LAST_ID = 27;
const idOf = (section: string): number => {
  const named = Array.from({ length: LAST_ID + 1 }, (_, id) => id).find((id) => sectionOf(id)?.[0] === section.toLowerCase());
  return named ?? Number(section);
};

/** Of two sections with one id the later counts. */
function gppOf(ids: readonly number[], texts: readonly string[]): GppString {
  if (ids.length !== texts.length || texts.some((text) => text.trim() === "")) throw new RangeError();
  const found = new Map(ids.map((id, at) => [id, texts[at]!]));
  const sectionIds = sorted(ids).filter(sectionOf);
  const sections = sectionIds.map((id) => {
    const [name, decode] = sectionOf(id)!;
    return [name, decode(found.get(id)!)];
  });
  return { sectionIds, sections: Object.fromEntries(sections) };
}

/** The name of a section, and what reads it; nothing for one that is not known. */
const sectionOf = (id: number): Known | undefined => us(id) ?? OTHERS[id];

const OTHERS: { readonly [id: number]: Known } = {
  2: ["tcfeuv2", decodeEurope],
  5: ["tcfcav1", decodeCanada],
  6: ["uspv1", decodeUsp],
};

/** Behind a type and a version of six bits each, the ids of the sections. */
function idsIn(header: string): number[] {
  const bits = bitsOf(header.split(".")[0]!);
  return rangesIn(cut(bits, 12, rangesEnd(bits, 12)));
}

function decodeUsp(text: string): GppSection {
  const [core] = text.split(".");
  if (core!.length !== 4) throw new RangeError();
  const [version, ...letters] = core!.split("");
  return { Version: parseInt(version!), Notice: letters[0], OptOutSale: letters[1], LspaCovered: letters[2] };
}
