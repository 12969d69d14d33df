/** The page's own icons: strokes on a grid of 24, hidden from screen readers (whatever shows one has a name of its own). */

const PATHS = {
  arrowDown: "M12 5v14M6 13l6 6 6-6",
  at: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0v1.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-4 7.5",
  back: "M15 5l-7 7 7 7",
  check: "M5 12l5 5 9-9",
  close: "M6 6l12 12M18 6L6 18",
  compass: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0M15 9l-2 4-4 2 2-4z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  gear: "M4 7h9M18 7h2M4 17h2M11 17h9M18 7a2 2 0 1 1-5 0 2 2 0 0 1 5 0M11 17a2 2 0 1 1-5 0 2 2 0 0 1 5 0",
  hash: "M10 4L8 20M16 4l-2 16M5 9h15M4 15h15",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3",
  message: "M4 5h16v12H11l-5 4v-4H4z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  mute: "M7 17V10a5 5 0 0 1 8-4M17 11v6H5M10 20h4M4 4l16 16",
  paperclip: "M20 11l-9 9a5 5 0 0 1-7-7l9-9a3 3 0 0 1 5 5l-9 9a2 2 0 0 1-3-3l8-8",
  pin: "M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v6",
  plus: "M12 5v14M5 12h14",
  reply: "M10 6l-6 6 6 6M4 12h9a7 7 0 0 1 7 7v1",
  search: "M18 11a7 7 0 1 1-14 0 7 7 0 0 1 14 0M16 16l5 5",
  send: "M4 12L3 4l18 8-18 8zM4 12h8",
  smile: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0M8 14q4 5 8 0M9 9h.01M15 9h.01",
  star: "M12 4l2.4 5.2 5.6.7-4.1 3.9 1 5.7-4.9-2.8-4.9 2.8 1-5.7L4 9.9l5.6-.7z",
  users: "M13 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0M2 20a7 7 0 0 1 14 0M16 4a4 4 0 0 1 0 8M18 14a7 7 0 0 1 4 6",
  warning: "M12 4L2 20h20zM12 10v5M12 17h.01",
} as const;

/** Drawn by what is loaded later alone, which brings them. */
export type LaterIcon = "archive" | "arrowUp" | "copy" | "leave" | "trash";
export type IconName = keyof typeof PATHS | LaterIcon;

const paths: { [name in IconName]?: string } = PATHS;
export const addIcons = (more: Record<LaterIcon, string>) => Object.assign(paths, more);

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.9"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** Two bubbles that meet. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 28 28" fill="currentColor" aria-hidden="true">
      <path d="M7 3h9.5A5.5 5.5 0 0 1 22 8.5v3a5.5 5.5 0 0 1-5.5 5.5H12l-4 3.6c-.7.6-1.7.1-1.7-.7V17A5 5 0 0 1 2 12V8a5 5 0 0 1 5-5z" />
      <path opacity=".55" d="M23.9 9.6A4.5 4.5 0 0 1 26 13.4v4a4.5 4.5 0 0 1-3.3 4.3v2.2c0 .9-1 1.3-1.7.8l-3.3-2.7h-4.3l3.3-3.1A7.3 7.3 0 0 0 24 11.5z" />
    </svg>
  );
}
