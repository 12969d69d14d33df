import type { ComponentChildren } from "preact";
import { Icon, Logo, type IconName } from "./icons";

/** What stands where there is nothing yet: what that means, and what to do. */
export function Empty({ icon, title, text, level = 1, children }: {
  /** Without one, the page's own mark. */
  icon?: IconName;
  title: string;
  level?: 1 | 2;
  text: string | null;
  children?: ComponentChildren;
}) {
  const Heading = `h${level}` as const;
  return (
    <div class="empty">
      <span class="empty-art">{icon ? <Icon name={icon} size={32} /> : <Logo size={40} />}</span>
      <Heading>{title}</Heading>
      <p>{text}</p>
      <div class="empty-actions">{children}</div>
    </div>
  );
}

export function Loading() {
  return <div class="boot"><span class="spinner" role="img" aria-label="Loading" /></div>;
}
