/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const service = process.env.CASEKIN_URL ?? "http://127.0.0.1:7878";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The service forbids data: fonts and scripts; every asset is a file of its own.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: {
    port: 5173,
    strictPort: true,
    // The service checks Host and Origin, so the proxy presents itself as the service.
    proxy: {
      "/api": {
        target: service,
        changeOrigin: true,
        configure: (proxy) => proxy.on("proxyReq", (request) => request.setHeader("origin", service)),
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
