// Reads server-sent events from a POST response. EventSource cannot POST, so the stream is parsed here
// as the HTML standard says (9.2.6): lines end in CR, LF or CRLF, data lines join with a newline.

import { request } from "./client";
import type { SearchRequest, SummaryEvent } from "./types";

/** Cuts a text stream into the data of its events; feed it chunks as they come. */
export class EventStreamParser {
  private rest = "";
  private data: string[] = [];

  /** Takes a chunk and returns the data of the events it completed. */
  push(chunk: string): string[] {
    this.rest += chunk;
    const events: string[] = [];
    for (;;) {
      const end = this.rest.search(/\r|\n/);
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (end < 0 || (this.rest[end] === "\r" && end === this.rest.length - 1)) return events;
      const width = this.rest[end] === "\r" && this.rest[end + 1] === "\n" ? 2 : 1;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + width);
      this.line(line, events);
    }
  }

  private line(line: string, events: string[]): void {
    if (line === "") {
      if (this.data.length > 0) events.push(this.data.join("\n"));
      this.data = [];
    } else if (line.startsWith("data:")) {
      this.data.push(line.slice(line[5] === " " ? 6 : 5));
    }
  }
}

/** Asks for a summary and yields its events as they arrive. Ends with "done" or "failed". */
export async function* streamSummary(
  search: SearchRequest,
  top: number,
  signal: AbortSignal,
): AsyncGenerator<SummaryEvent> {
  const response = await request("/summary", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ search, top }),
    signal,
  });
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventStreamParser();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    for (const data of parser.push(value)) yield JSON.parse(data) as SummaryEvent;
  }
}
