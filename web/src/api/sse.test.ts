import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "./client";
import { EventStreamParser, streamSummary } from "./sse";

afterEach(() => vi.unstubAllGlobals());

describe("the event stream", () => {
  it("finds events across chunks, whatever the line ends", () => {
    const parser = new EventStreamParser();
    expect(parser.push('data: {"a"')).toEqual([]);
    expect(parser.push(":1}\r")).toEqual([]);
    expect(parser.push("\n\r\ndata: two\n\n")).toEqual(['{"a":1}', "two"]);
  });

  it("skips comments and other fields, joins data lines", () => {
    const parser = new EventStreamParser();
    expect(parser.push(": keep-alive\n\nevent: x\nid: 3\ndata:one\ndata:  two\n\n")).toEqual(["one\n two"]);
  });

  it("says nothing of an event that did not end", () => {
    expect(new EventStreamParser().push("data: half\n")).toEqual([]);
  });
});

function answerWith(body: BodyInit | null, init?: ResponseInit) {
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(body, init)),
  );
}

describe("a summary", () => {
  it("yields its events in order", async () => {
    const chunks = [
      'data: {"event":"started","writer":{"kind":"extractive"},"evid',
      'ence":[]}\n\ndata: {"event":"done","sentences":0,"took_ms":3}\n\n',
    ];
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    answerWith(stream);
    const events: string[] = [];
    for await (const { event } of streamSummary({ text: "x" }, 5, new AbortController().signal))
      events.push(event);
    expect(events).toEqual(["started", "done"]);
  });

  it("throws the service's own words", async () => {
    answerWith(
      JSON.stringify({ code: "busy", message: "Too many summaries. Try again soon.", request_id: "r-9" }),
      { status: 429 },
    );
    const first = streamSummary({ text: "x" }, 5, new AbortController().signal).next();
    await expect(first).rejects.toMatchObject(
      new ApiError(429, "busy", "Too many summaries. Try again soon.", "r-9"),
    );
  });
});
