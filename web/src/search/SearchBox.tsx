// The one search box: words, pictures with their regions, and a case to be like, side by side.

import { type FormEvent, useEffect, useRef, useState } from "react";
import { thumbnailUrl } from "../api/urls";
import { EMPTY_QUERY, hasQuestion, type PageQuery, queryHref } from "../app/query-url";
import { navigate } from "../app/router";
import { Icon } from "../ui/icons";
import { Picture } from "../ui/parts";
import { useQueryPictures } from "./query-pictures";

export const SEARCH_INPUT_ID = "search-words";

export function focusSearch(): void {
  const input = document.getElementById(SEARCH_INPUT_ID);
  if (input instanceof HTMLInputElement) {
    input.focus();
    input.select();
  }
}

export function SearchBox({ query, large = false }: { query: PageQuery; large?: boolean }) {
  const [text, setText] = useState(query.text);
  const picker = useRef<HTMLInputElement>(null);
  const { pending, add } = useQueryPictures();
  useEffect(() => setText(query.text), [query.text]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = { ...query, text: text.trim(), browse: false, open: null };
    navigate(hasQuestion(next) ? queryHref(next) : queryHref({ ...EMPTY_QUERY, filters: query.filters }));
    if (matchMedia("(pointer: coarse)").matches) (document.activeElement as HTMLElement | null)?.blur();
  };
  const without = (change: Partial<PageQuery>) =>
    navigate(queryHref({ ...query, text: text.trim(), open: null, ...change }));
  const filled = text !== "" || query.images.length > 0 || query.case !== null;

  return (
    <search className={large ? "searchbox-wrap searchbox-large" : "searchbox-wrap"}>
      <form className="searchbox" onSubmit={submit} aria-label="Search cases">
        <span className="searchbox-lens">
          <Icon name="search" />
        </span>
        <div className="searchbox-field">
          {query.case && (
            <span className="token">
              <Icon name="similar" size={14} />
              <span className="token-text">like case {query.case}</span>
              <button
                type="button"
                aria-label="Remove the case from the query"
                onClick={() => without({ case: null })}
              >
                <Icon name="close" size={12} />
              </button>
            </span>
          )}
          {query.images.map((image, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same picture may stand here twice, with two regions
            <span className="token token-picture" key={`${image.image_id}-${at}`}>
              <Picture src={thumbnailUrl(image.image_id)} alt={`Query picture ${at + 1}`} />
              <span className="token-text">
                {image.box ? `region ${image.box[2]} × ${image.box[3]}` : "picture"}
                {image.frame ? ` · frame ${image.frame + 1}` : ""}
              </span>
              <button
                type="button"
                aria-label={`Remove query picture ${at + 1}`}
                onClick={() => without({ images: query.images.filter((_, other) => other !== at) })}
              >
                <Icon name="close" size={12} />
              </button>
            </span>
          ))}
          {pending > 0 && (
            <span className="token" role="status">
              <span className="spinner" /> <span className="token-text">reading picture…</span>
            </span>
          )}
          <input
            id={SEARCH_INPUT_ID}
            type="text"
            value={text}
            placeholder={filled ? "add words" : large ? "Words, or paste a picture" : "Search cases"}
            aria-label="Words to search for"
            autoComplete="off"
            spellCheck={false}
            enterKeyHint="search"
            maxLength={2000}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") event.currentTarget.blur();
              if (event.key === "Backspace" && text === "" && query.images.length > 0) {
                without({ images: query.images.slice(0, -1) });
              }
            }}
          />
        </div>
        {filled ? (
          <button
            type="button"
            className="button button-quiet button-icon"
            aria-label="Clear the query"
            title="Clear"
            onClick={() => {
              setText("");
              navigate("/");
              focusSearch();
            }}
          >
            <Icon name="close" />
          </button>
        ) : (
          !large && <kbd className="searchbox-hint">/</kbd>
        )}
        <button
          type="button"
          className="button button-quiet button-icon"
          aria-label="Search with a picture"
          title="Search with a picture (or paste, or drop one anywhere)"
          onClick={() => picker.current?.click()}
        >
          <Icon name="picture" />
        </button>
        <input
          ref={picker}
          type="file"
          hidden
          multiple
          aria-label="Picture files"
          accept="image/*,.dcm,.dicom,application/dicom"
          onChange={(event) => {
            add(event.target.files ?? []);
            event.target.value = "";
          }}
        />
        <button type="submit" className="button button-primary searchbox-go">
          {large ? "Search" : <Icon name="search" />}
          {!large && <span className="sr-only">Search</span>}
        </button>
      </form>
    </search>
  );
}
