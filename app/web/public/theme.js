// The theme somebody chose (src/ui/theme.ts keeps it), set before anything is painted. A browser that forbids
// storage throws on reading it, and keeps the system's theme.
try {
  const theme = localStorage.getItem("parley.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  document.documentElement.removeAttribute("data-theme");
}
