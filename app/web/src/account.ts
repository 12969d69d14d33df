/** Who is signed in, in all tabs of this browser. */
import { batch, signal } from "@preact/signals";
import { ChatError, type Kept, type Rest, type Session, type SignIn, type User, type UserRef } from "./client";

const KEY = "session";
const DEVICE = "device"; // of whoever signed in last; it stays when they sign out, and says nothing to anybody else
const ENDED = "Your session has ended. Sign in again.";

interface Hooks {
  entered(session: Session): void;
  left(): void;
}

export class Account {
  readonly me = signal<User | null>(null);
  readonly reason = signal<string | null>(null);
  #checking = false;

  constructor(private readonly rest: Rest, private readonly kept: Kept, private readonly hooks: Hooks) {}

  /** Goes on with the session of last time, and follows what other tabs do. */
  start(): void {
    const take = () => {
      const session = this.kept.get<Session>(KEY);
      if (session?.token === this.rest.token) return;
      if (this.me.peek()) this.#leave(null);
      if (session) this.#enter(session);
    };
    this.kept.watch((key) => key === KEY && take());
    take();
  }

  /** One's own names and avatar have changed. */
  rename(user: UserRef): void {
    const session = this.kept.get<Session>(KEY);
    const me = { ...this.me.peek()!, ...user };
    if (session) this.kept.set(KEY, { ...session, user: me });
    this.me.value = me;
  }

  async signUp(username: string, password: string, displayName?: string, invitation?: string): Promise<void> {
    const payload = { username, credential: password, displayName: displayName || null, invitation: invitation || null };
    this.#begin(await this.rest.ask("POST /auth/sign-up", payload));
  }

  /** With the token of a link. */
  async resetPassword(token: string, password: string): Promise<void> {
    this.#begin(await this.rest.ask("POST /auth/reset-password", { token, credential: password }));
  }

  async signIn(username: string, password: string): Promise<void> {
    const payload: SignIn = {
      identifier: { scheme: "username", value: username },
      credential: { scheme: "basic", value: password },
      deviceToken: this.kept.get<string>(DEVICE),
    };
    this.#begin(await this.rest.ask("POST /auth/sign-in", payload));
  }

  /** Also where the server cannot be told: then the token lives on until it expires, unknown to anybody. */
  async signOut(): Promise<void> {
    this.#checking = true; // the server ends the socket before it answers: no reason to ask whether the token is good
    try {
      await this.rest.ask("POST /auth/sign-out", {});
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
    } finally {
      this.#checking = false;
      this.kept.remove(KEY);
      this.#leave(null);
    }
  }

  /** Ends the account for good. Where that is refused, nothing has changed. */
  async deleteAccount(password: string): Promise<void> {
    this.#checking = true; // as for signing out
    try {
      await this.rest.ask("POST /auth/delete-account", { credential: password });
    } finally {
      this.#checking = false;
    }
    this.kept.remove(KEY);
    this.#leave(null);
  }

  /** Something said that the token is not good: asks, and signs out if it is so. */
  async check(): Promise<void> {
    if (this.#checking || !this.me.peek()) return;
    this.#checking = true;
    const token = this.rest.token;
    try {
      await this.rest.ask("GET /auth/who-am-i", {});
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason !== "unauthenticated" || token !== this.rest.token) return;
      // Another tab may have signed in anew meanwhile.
      if (this.kept.get<Session>(KEY)?.token === token) this.kept.remove(KEY);
      this.#leave(ENDED);
    } finally {
      this.#checking = false;
    }
  }

  #begin(session: Session): void {
    this.kept.set(KEY, session);
    this.kept.set(DEVICE, session.deviceToken);
    this.#enter(session);
  }

  #enter(session: Session): void {
    this.rest.token = session.token;
    this.reason.value = null;
    this.me.value = session.user;
    this.hooks.entered(session);
  }

  #leave(reason: string | null): void {
    this.rest.token = null;
    // At once: that nothing is open any more is no reason to go elsewhere.
    batch(() => {
      this.me.value = null;
      this.hooks.left();
      this.reason.value = reason;
    });
  }
}
