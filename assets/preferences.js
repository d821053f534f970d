// What the browser remembers of its user's choices. The theme and a dismissed banner must hold before
// anything is drawn: the page's HTML contains this script.
(() => {
  "use strict";

  const PREFIX = "chat-page.";
  const LIGHT_OR_DARK = /^(light|dark)$/;
  const LANGUAGE = /^[a-z]{2,8}$/;
  const BUDGET = /^\d{1,6}$/;
  const NOTICE = /^[A-Za-z-]{1,80}$/;

  // Return the stored value if all of it has the expected form, else null: other scripts of the same
  // host can write into the store. It is missing in some private windows and embedded pages.
  const read = (name, form) => {
    try {
      const value = localStorage.getItem(PREFIX + name);
      return value !== null && form.test(value) ? value : null;
    } catch {
      return null;
    }
  };
  const write = (name, value) => {
    try {
      if (value === null) localStorage.removeItem(PREFIX + name);
      else localStorage.setItem(PREFIX + name, value);
    } catch {
      // Without a store, a choice holds until the page is closed.
    }
  };

  const root = document.documentElement;
  const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
  let theme = read("theme", LIGHT_OR_DARK);

  // Until Gradio draws, the colours of the HTML follow the system by a media query (`--bg-dark` and
  // `--col-dark`). After that a class of the body has the theme.
  const applyTheme = () => {
    for (const name of ["--bg", "--col"]) {
      const dark = `${name}-dark`;
      root.style.removeProperty(name);
      root.style.removeProperty(dark);
      if (theme === "light") root.style.setProperty(dark, `var(${name})`);
      if (theme === "dark") root.style.setProperty(name, `var(${dark})`);
    }
    const isDark = theme ? theme === "dark" : systemIsDark.matches;
    document.body?.classList.toggle("dark", isDark);
  };
  const chooseTheme = (name) => {
    theme = LIGHT_OR_DARK.test(name) ? name : null;
    write("theme", theme);
    applyTheme();
  };
  applyTheme();
  // Gradio 6.31 sets the class by the system when it starts, and whenever the system's theme changes.
  // The state changes before Gradio's script runs; the observer runs before the browser draws.
  document.addEventListener("readystatechange", () => {
    const observer = new MutationObserver(applyTheme);
    observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    applyTheme();
  }, { once: true });

  // A rule rather than a change of the banner, which is drawn later, and again in other languages.
  const hideBanner = (notice) => {
    const style = document.createElement("style");
    style.textContent = `.banner:has([data-notice="${notice}"]) { display: none; }`;
    document.head.append(style);
  };
  const dismissBanner = () => {
    const { notice } = document.querySelector(".banner [data-notice]").dataset;
    write("dismissed", notice);
    hideBanner(notice);
    // The focus was in the banner.
    document.querySelector('[role="tab"][aria-selected="true"]').focus();
  };
  const dismissed = read("dismissed", NOTICE);
  if (dismissed) hideBanner(dismissed);

  // Replace the first of an event's inputs, the language, by the remembered one; null if there is none.
  const withLanguage = (codes, [, ...inputs]) => {
    const code = read("language", LANGUAGE);
    return [codes.includes(code) ? code : null, ...inputs];
  };

  const rememberBudget = (budget) => {
    write("budget", String(budget));
    return budget;
  };
  // Return the remembered thinking budget, once for each of `count` controls.
  const budgets = (offered, standard, count) => {
    const budget = Number(read("budget", BUDGET) ?? standard);
    return Array(count).fill(offered.includes(budget) ? budget : standard);
  };

  window.chatPreferences = {
    chooseTheme,
    theme: () => theme ?? "system",
    dismissBanner,
    rememberLanguage: (code) => write("language", code),
    withLanguage,
    rememberBudget,
    budgets,
  };
})();
