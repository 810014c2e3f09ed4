// Light, dark, or as the system says. The choice is kept in this browser only.

import { useCallback, useState } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "casekin.theme";

function stored(): Theme {
  const value = document.documentElement.dataset.theme;
  return value === "light" || value === "dark" ? value : "system";
}

function isDark(theme: Theme): boolean {
  return theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function useTheme(): { dark: boolean; toggle: () => void } {
  const [theme, setTheme] = useState<Theme>(stored);
  const toggle = useCallback(() => {
    const next: Theme = isDark(stored()) ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Without storage the choice lasts until the page is left.
    }
    setTheme(next);
  }, []);
  return { dark: isDark(theme), toggle };
}
