import { Empty } from "./empty";

export function UnknownPage() {
  return (
    <Empty icon="compass" title="There is nothing here" text="The link may be mistyped, or what it led to is gone.">
      <a class="button primary" href="/">All rooms and conversations</a>
    </Empty>
  );
}
