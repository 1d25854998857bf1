// What jsdom lacks and JupyterLab's packages name when they are loaded.
const lacking = globalThis as unknown as Record<string, unknown>;
lacking.DragEvent ??= class extends MouseEvent {};
lacking.ResizeObserver ??= undefined;
lacking.PointerEvent ??= class extends MouseEvent {};
lacking.CSS ??= {};
(lacking.CSS as Record<string, unknown>).escape ??= (text: string) =>
  text.replace(/["\\<>=()/:.\s]/g, '\\$&');
lacking.matchMedia ??= () => ({
  matches: false,
  addListener: () => undefined,
  removeListener: () => undefined,
  addEventListener: () => undefined,
  removeEventListener: () => undefined
});
export {};
