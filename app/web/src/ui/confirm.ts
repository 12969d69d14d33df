import { signal } from "@preact/signals";
import { onSignedOut } from "./signed-out";

interface Question {
  title: string;
  text: string;
  action: string;
  danger?: boolean;
}

export const question = signal<(Question & { answer: (yes: boolean) => void }) | null>(null);

/** Asks before something that cannot be undone. */
export function confirm(asked: Question): Promise<boolean> {
  question.value?.answer(false);
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}

onSignedOut(() => question.peek()?.answer(false));
