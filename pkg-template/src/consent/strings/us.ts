// The sections of the United States in GPP: which fields each has, in the order it has them, and how they are read.
import { bitsOf } from "./bits.js";
import type { GppSection } from "./index.js";
import { type Kinds, readTable } from "./table.js";

/** What each of the letters stands for. */
const LETTERS = "VMnpshtdliSHTDKPAcorm";
const FIELDS =
  "Version MspaVersion SharingNotice ProcessingNotice SaleOptOutNotice SharingOptOutNotice TargetedAdvertisingOptOutNotice SensitiveDataProcessingOptOutNotice SensitiveDataLimitUseNotice SensitiveDataOptOutNotice SaleOptOut SharingOptOut TargetedAdvertisingOptOut SensitiveDataProcessing KnownChildSensitiveDataConsents PersonalDataConsents AdditionalDataProcessingConsent MspaCoveredTransaction MspaOptOutOptionMode MspaServiceProviderMode MspaMode".split(
    " ",
  );

/**
 * The sections from id 7 on: a name, then the fields of the core, then behind a point those of the second part, which is Global
 * Privacy Control if there are none. A field has two bits, a version six, and one with a number is a list of so many.
 */
const SECTIONS =
  "natVnshtdlSHTD16K3Pcor. caVshlSHD9K2Pcor. vaVnstSTD8Kcor coVnstSTD7Kcor. utVnstdSTD8Kcor ctVnstSTD8K3cor. flVpstSTD8K3Acor mtVnstSTD8K3Acor. orVpstSTD11K3Acor. txVpstSTD8KAcor. deVpstSTD9K5Acor. iaVpstiSTD8Kcor. neVpstSTD8KAcor. nhVpstSTD8K3Acor. njVpstSTD10K5Acor. tnVpstSTD8KAcor. mnVpstSTD8KAcor. mdMcmpstSTA. inMcmpstSTKA.D8 kyMcmpstSTKA.D8 riMcmpstSTKA.D8".split(
    " ",
  );

const KINDS: Kinds = { d: (bits, count) => Array.from({ length: count }, () => bits.int(2)) };

/** The name of a section, and what reads it. */
export function us(id: number): readonly [name: string, decode: (text: string) => GppSection] | undefined {
  const [name, letters] = SECTIONS[id - 7]?.split(/(?=[VM])/) ?? [];
  const tables = letters?.split(".").map((part) => part.replace(/(\D)(\d*)/g, field) || "GpcSegmentType:i2 Gpc:b");
  return tables && [`us${name}`, (text) => decode(text, name === "nat", tables)];
}

const field = (_: string, letter: string, count: string): string =>
  `${FIELDS[LETTERS.indexOf(letter)]}:${count ? "d" : "i"}${count || ("VM".includes(letter) ? 6 : 2)} `;

function decode(text: string, national: boolean, [core, second]: readonly string[]): GppSection {
  const [bits, more] = text.split(".").map((part) => () => bitsOf(part));
  const section = readTable(national ? widened(bits!()) : bits!(), core!, KINDS);
  if (national && section.Version === 1) narrow(section);
  // Without its second part a section has a 1 for the number of one, and nothing in it.
  return second ? { ...section, ...readTable(more?.() ?? (second.startsWith("G") ? "010" : "0".repeat(16)), second, KINDS) } : section;
}

/** The first version had four kinds of sensitive data fewer, and one of children's: strings of its lengths get them as zeros. */
function widened(bits: string): string {
  const wide = `${bits.slice(0, 48)}00000000${bits.slice(48, 52)}00${bits.slice(52, 62)}`;
  return bits.length === 60 ? `${wide}00` : bits.length === 66 ? wide : bits;
}

function narrow(section: GppSection): void {
  section.SensitiveDataProcessing = (section.SensitiveDataProcessing as number[]).slice(0, 12);
  section.KnownChildSensitiveDataConsents = (section.KnownChildSensitiveDataConsents as number[]).slice(0, 2);
}
