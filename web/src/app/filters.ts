// Filters as the service reads them: key=value, key!=value, key=a|b, age=40..60, date=2020-01-01..2021-12-31. A bar of a
// value itself is written `\|`, and a backslash `\\`.

import type { Facet } from "../api/types";
import { isCell } from "./format";

export interface Filter {
  key: string;
  negated: boolean;
  values: string[];
}

export function parseFilter(text: string): Filter | null {
  const match = /^([a-z_]+)(!?=)(.+)$/s.exec(text);
  if (!match?.[1] || !match[3]) return null;
  return { key: match[1], negated: match[2] === "!=", values: splitValues(match[3]).filter(Boolean) };
}

/** Parts values at their bars; a backslash means something before a bar or a backslash alone. */
function splitValues(text: string): string[] {
  const values: string[] = [""];
  for (const [sign] of text.matchAll(/\\[|\\]|./gs)) {
    if (sign === "|") values.push("");
    else values.push((values.pop() ?? "") + (sign.length > 1 ? sign.slice(1) : sign));
  }
  return values;
}

const escapeValue = (value: string): string => value.replace(/[|\\]/g, "\\$&");

export const formatFilter = ({ key, negated, values }: Filter): string =>
  `${key}${negated ? "!=" : "="}${values.map(escapeValue).join("|")}`;

/** A facet in reading order: ages as a distribution, dates as a history, all else by how common it is. */
export function inReadingOrder({ key, values }: Facet): Facet {
  if (key === "age")
    return {
      key,
      values: values.toSorted((a, b) => Number.parseFloat(a.value) - Number.parseFloat(b.value)),
    };
  if (key === "date") return { key, values: values.toSorted((a, b) => b.value.localeCompare(a.value)) };
  if (key === "label")
    return { key, values: values.toSorted((a, b) => Number(isCell(a.value)) - Number(isCell(b.value))) };
  return { key, values };
}

const NAMES: Record<string, string> = {
  modality: "Modality",
  body_part: "Body part",
  laterality: "Side",
  label: "Label",
  sex: "Sex",
  age: "Age",
  date: "Date",
  site: "Site",
  synthetic: "Drawn cases",
};

export const filterName = (key: string): string => NAMES[key] ?? key.replaceAll("_", " ");

/** Values of `key` that are chosen (not excluded). */
export function chosenValues(filters: string[], key: string): string[] {
  return filters
    .map(parseFilter)
    .flatMap((filter) => (filter && filter.key === key && !filter.negated ? filter.values : []));
}

/** Adds or takes away one value of a key; several values of one key are alternatives. */
export function toggleValue(filters: string[], key: string, value: string): string[] {
  const chosen = chosenValues(filters, key);
  const next = chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value];
  return setValues(filters, key, next);
}

/** Replaces what is chosen of a key, keeping its place among the others. */
export function setValues(filters: string[], key: string, values: string[]): string[] {
  const written = values.length > 0 ? [formatFilter({ key, negated: false, values })] : [];
  const at = filters.findIndex((text) => {
    const filter = parseFilter(text);
    return filter?.key === key && !filter.negated;
  });
  const rest = filters.filter((text) => {
    const filter = parseFilter(text);
    return !(filter?.key === key && !filter.negated);
  });
  if (at < 0) return [...rest, ...written];
  return [...rest.slice(0, at), ...written, ...rest.slice(at)];
}

/** One line for a chip: "Modality: CT or MR", "Label: not effusion". */
export function describeFilter(text: string): string {
  const filter = parseFilter(text);
  if (!filter) return text;
  const values = filter.values.map((value) => describeValue(filter.key, value)).join(" or ");
  return `${filterName(filter.key)}: ${filter.negated ? "not " : ""}${values}`;
}

const SEXES: Record<string, string> = { F: "female", M: "male", O: "other" };

export function describeValue(key: string, value: string): string {
  if (key === "sex") return SEXES[value] ?? value;
  if (key === "synthetic") return value === "true" ? "drawn" : "real";
  const range = /^(.*)\.\.(.*)$/.exec(value);
  if (!range) return value.replaceAll("_", " ");
  const [, from, to] = range;
  if (!from) return `up to ${to}`;
  if (!to) return `from ${from}`;
  return `${from} – ${to}`;
}
