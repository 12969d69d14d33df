import { model } from "../model";
import { Empty } from "./empty";

export function TimelineFailed({ text }: { text: string | null }) {
  const again = () => {
    const place = model.place.peek();
    if (place && "roomId" in place) model.openRoom(place.roomId);
  };
  return (
    <Empty level={2} icon="warning" title="The messages did not load" text={text}>
      <button type="button" class="button primary" onClick={again}>Try again</button>
    </Empty>
  );
}
