// What the browser remembers of its user's choices. The theme must hold before anything is drawn: the
// page's HTML contains this script.
(() => {
  "use strict";

  const PREFIX = "chat-page.";
  const LIGHT_OR_DARK = /^(light|dark)$/;

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

  window.chatPreferences = {
    chooseTheme,
    theme: () => theme ?? "system",
  };
})();
