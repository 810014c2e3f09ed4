import { afterEach, describe, expect, it, vi } from "vitest";
import { api, errorOf } from "./client";
import { renderedUrl, thumbnailUrl, tileUrl } from "./urls";

afterEach(() => vi.unstubAllGlobals());

describe("errors", () => {
  it("carry message and request id", async () => {
    const error = await errorOf(
      new Response('{"code":"not_found","message":"There is no case 7.","request_id":"r-1"}', {
        status: 404,
      }),
    );
    expect(error).toMatchObject({
      status: 404,
      code: "not_found",
      message: "There is no case 7.",
      requestId: "r-1",
    });
  });

  it("survive an answer that is not the service's", async () => {
    const error = await errorOf(new Response("<html>Bad gateway</html>", { status: 502 }));
    expect(error.message).toBe("The service answered 502.");
  });

  it("say that the service is not there", async () => {
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => {
        throw new TypeError("Failed to fetch");
      }),
    );
    await expect(api.status()).rejects.toMatchObject({ code: "unreachable", status: 0 });
  });
});

describe("addresses of pictures", () => {
  it("give windows and boxes to pictures of the library alone", () => {
    const options = {
      frame: 2,
      size: 256,
      window: { center: 40, width: 400 },
      box: [1, 2, 3, 4] as [number, number, number, number],
    };
    expect(renderedUrl("i-1", options)).toBe(
      "/api/v1/images/i-1/rendered?frame=2&size=256&window=40%2C400&box=1%2C2%2C3%2C4",
    );
    expect(renderedUrl("q-1", options)).toBe("/api/v1/query-images/q-1?frame=2&size=256");
    expect(thumbnailUrl("q-1")).toBe("/api/v1/query-images/q-1?size=256");
    expect(tileUrl("i-1", 3, { level: 9, x: 1, y: 2 }, null)).toBe("/api/v1/images/i-1/tiles/3/9/1_2.jpg");
  });

  it("cannot be led out of their path by an id", () => {
    expect(thumbnailUrl("../status")).toBe("/api/v1/images/..%2Fstatus/thumbnail");
  });
});
