// Starts the installed Chromium; nothing is downloaded.

import { chromium } from "playwright-core";

export const CHROME = process.env.CHROME ?? "/usr/bin/chromium";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () => chromium.launch({ executablePath: CHROME, headless: true, args: FLAGS });
