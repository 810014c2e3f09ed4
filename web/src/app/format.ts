// Numbers and facts as people read them.

const plain = new Intl.NumberFormat("en");

export const count = (value: number): string => plain.format(value);

export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

export function percent(share: number): string {
  const value = share * 100;
  // 99.97 % must not read as done, nor 0.02 % as nothing.
  if (value > 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)}%`;
  if (value > 0 && value < 1) return "<1%";
  return `${Math.round(value)}%`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return `${hours} h ${Math.round((seconds % 3600) / 60)} min`;
}

export const took = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

/** True of a label that is a manifest's cell kept with its column, as in "licence: CC0-1.0": it says little of a case. */
export const isCell = (label: string): boolean => /^[\w ]+: /.test(label);

interface Facts {
  modalities: string[];
  body_parts: string[];
  sex?: string | null;
  age_years?: number | null;
  date?: string | null;
}

/** Age in years; in months below two years, in days below one month. */
export function age(years: number): string {
  if (years < 1 / 12) return `${Math.round(years * 365.25)} d`;
  if (years < 2) return `${Math.round(years * 12)} mo`;
  return `${Math.floor(years)} y`;
}

/** "CT", "chest", "64 y F", "2021-03-04": what is known, in that order. */
export function facts({ modalities, body_parts, sex, age_years, date }: Facts): string[] {
  const person = [age_years != null ? age(age_years) : "", sex ?? ""].filter(Boolean).join(" ");
  return [modalities.join(", "), body_parts.join(", ").toLowerCase(), person, date ?? ""].filter(Boolean);
}

/** A length in millimetres, in the unit that reads best. */
export function length(mm: number): string {
  if (mm < 0.1) return `${Math.round(mm * 1000)} µm`;
  if (mm < 1) return `${(mm * 1000).toFixed(0)} µm`;
  if (mm < 10) return `${mm.toFixed(1)} mm`;
  if (mm < 1000) return `${Math.round(mm)} mm`;
  return `${(mm / 1000).toFixed(1)} m`;
}
