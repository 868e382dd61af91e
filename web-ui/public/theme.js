// Before the first paint: the theme that was chosen here, so nothing flashes.
try {
  const theme = localStorage.getItem("forge-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's preference holds.
}
