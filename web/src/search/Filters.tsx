// Facts to narrow by, with the number of cases each would leave. Several values of one fact are alternatives.

import { useState } from "react";
import type { Facet, FacetsOver, Way } from "../api/types";
import {
  chosenValues,
  describeFilter,
  describeValue,
  filterName,
  formatFilter,
  inReadingOrder,
  setValues,
  toggleValue,
} from "../app/filters";
import { count } from "../app/format";
import type { PageQuery } from "../app/query-url";
import { Icon } from "../ui/icons";

type Change = (change: Partial<PageQuery>) => void;

const SHOWN = 6;
const RANGES = ["age", "date"];

export function FilterChips({
  filters,
  onChange,
}: {
  filters: string[];
  onChange: (filters: string[]) => void;
}) {
  if (filters.length === 0) return null;
  return (
    <ul className="chips" aria-label="Filters in force">
      {filters.map((filter) => (
        <li key={filter} className="chip">
          <span>{describeFilter(filter)}</span>
          <button
            type="button"
            aria-label={`Remove filter ${describeFilter(filter)}`}
            onClick={() => onChange(filters.filter((other) => other !== filter))}
          >
            <Icon name="close" size={12} />
          </button>
        </li>
      ))}
      {filters.length > 1 && (
        <li>
          <button type="button" className="link" onClick={() => onChange([])}>
            Clear all
          </button>
        </li>
      )}
    </ul>
  );
}

function FacetGroup({
  facet,
  filters,
  onFilters,
}: {
  facet: Facet;
  filters: string[];
  onFilters: (f: string[]) => void;
}) {
  const [all, setAll] = useState(false);
  const chosen = chosenValues(filters, facet.key);
  // A chosen value stays in sight even where no case of this answer has it.
  const missing = chosen.filter((value) => !facet.values.some((other) => other.value === value));
  const values = [...missing.map((value) => ({ value, cases: 0 })), ...facet.values];
  const shown = all ? values : values.slice(0, Math.max(SHOWN, chosen.length));
  return (
    <details className="facet" open>
      <summary>
        {filterName(facet.key)}
        <Icon name="down" size={12} />
      </summary>
      <ul>
        {shown.map(({ value, cases }) => {
          const on = chosen.includes(value);
          const text = describeValue(facet.key, value);
          return (
            <li key={value} className="facet-row">
              <label>
                <input
                  type="checkbox"
                  checked={on}
                  onChange={() => onFilters(toggleValue(filters, facet.key, value))}
                />
                <span className="facet-value" title={text}>
                  {text}
                </span>
              </label>
              {!on && (
                <button
                  type="button"
                  className="facet-not"
                  title={`Leave out ${text}`}
                  aria-label={`Leave out ${filterName(facet.key)} ${text}`}
                  onClick={() =>
                    onFilters([...filters, formatFilter({ key: facet.key, negated: true, values: [value] })])
                  }
                >
                  not
                </button>
              )}
              <span className="facet-count">{count(cases)}</span>
            </li>
          );
        })}
      </ul>
      {values.length > shown.length && (
        <button type="button" className="link" onClick={() => setAll(true)}>
          {values.length - shown.length} more
        </button>
      )}
      {RANGES.includes(facet.key) && <Range fact={facet.key} filters={filters} onFilters={onFilters} />}
    </details>
  );
}

function Range({
  fact,
  filters,
  onFilters,
}: {
  fact: string;
  filters: string[];
  onFilters: (f: string[]) => void;
}) {
  const [current = ""] = chosenValues(filters, fact).filter((value) => value.includes(".."));
  const [from = "", to = ""] = current.split("..");
  const type = fact === "date" ? "date" : "number";
  const set = (low: string, high: string) =>
    onFilters(setValues(filters, fact, low || high ? [`${low}..${high}`] : []));
  return (
    <form
      className="range"
      key={current}
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        set(String(data.get("from") ?? ""), String(data.get("to") ?? ""));
      }}
    >
      <input
        name="from"
        type={type}
        min={type === "number" ? 0 : undefined}
        defaultValue={from}
        placeholder="from"
        aria-label={`${filterName(fact)} from`}
      />
      <span aria-hidden="true">–</span>
      <input
        name="to"
        type={type}
        min={type === "number" ? 0 : undefined}
        defaultValue={to}
        placeholder="to"
        aria-label={`${filterName(fact)} to`}
      />
      <button type="submit" className="button button-small">
        Set
      </button>
    </form>
  );
}

const WAYS: { way: Way; name: string; meaning: string }[] = [
  { way: "report", name: "Words in the report", meaning: "The words occur in report or title" },
  { way: "label", name: "Words in a label", meaning: "The words occur in a label of the case" },
  { way: "image", name: "Picture like picture", meaning: "A picture is near a picture of the query" },
  { way: "text_to_image", name: "Picture like words", meaning: "A picture is near the words, by the model" },
];

function Ways({ query, onChange }: { query: PageQuery; onChange: Change }) {
  const pictures = query.images.length > 0 || query.case !== null || query.relevant.length > 0;
  const applicable = WAYS.filter(({ way }) =>
    way === "image" ? pictures : query.text !== "" || (way === "report" && query.case !== null),
  );
  const active = query.ways.length > 0 ? query.ways : applicable.map(({ way }) => way);
  if (applicable.length < 2) return null;
  const toggle = (way: Way) => {
    const next = active.includes(way) ? active.filter((other) => other !== way) : [...active, way];
    const everything = applicable.every(({ way: other }) => next.includes(other));
    if (next.length > 0) onChange({ ways: everything ? [] : next });
  };
  return (
    <details className="facet" open>
      <summary>
        Found by
        <Icon name="down" size={12} />
      </summary>
      <ul>
        {applicable.map(({ way, name, meaning }) => (
          <li key={way} className="facet-row">
            <label title={meaning}>
              <input type="checkbox" checked={active.includes(way)} onChange={() => toggle(way)} />
              <span className="facet-value">{name}</span>
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}

interface FiltersProps {
  query: PageQuery;
  facets: Facet[];
  /** What was counted. */
  over?: FacetsOver;
  onChange: Change;
}

export function Filters({ query, facets: given, over, onChange }: FiltersProps) {
  // Where all cases are drawn, or none is, there is nothing to choose.
  const facets = given
    .map(inReadingOrder)
    .filter(
      ({ key, values }) =>
        key !== "synthetic" || values.length > 1 || chosenValues(query.filters, key).length > 0,
    );
  const onFilters = (filters: string[]) => onChange({ filters });
  const keys = new Set(facets.map(({ key }) => key));
  const chosenOnly = RANGES.filter((key) => !keys.has(key) && chosenValues(query.filters, key).length > 0);
  const groups = [
    ...facets.filter(({ values }) => values.length > 0),
    ...chosenOnly.map((key) => ({ key, values: [] })),
  ];
  return (
    <>
      <Ways query={query} onChange={onChange} />
      {over?.nearest && groups.length > 0 && (
        <p className="facets-over">Counts among the {count(over.cases)} nearest cases</p>
      )}
      {groups.map((facet) => (
        <FacetGroup key={facet.key} facet={facet} filters={query.filters} onFilters={onFilters} />
      ))}
    </>
  );
}
