import { question } from "./confirm";
import { Dialog } from "./dialog";

/** The question that `confirm` asks. */
export function Confirmation() {
  const asked = question.value;
  if (!asked) return null;
  return (
    <Dialog title={asked.title} onClose={() => asked.answer(false)}>
      <p>{asked.text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => asked.answer(false)}>Cancel</button>
        <button type="button" class={`button ${asked.danger ? "danger" : "primary"}`} autofocus
          onClick={() => asked.answer(true)}>
          {asked.action}
        </button>
      </div>
    </Dialog>
  );
}
