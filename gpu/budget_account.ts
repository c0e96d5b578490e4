/**
 * Has a budget pay for buffers of a device.
 */

import { type Account, AGAIN, GRANTED, REFUSED, type Verdict } from "../src/memory/account.ts";
import type { Budget } from "../src/observe/budget.ts";
import type { ChildBudget } from "../src/observe/budgets.ts";
import type { Ledger } from "../src/observe/ledger.ts";

/** See the file comment. */
export class BudgetAccount implements Account {
  readonly #ledger: Ledger;
  readonly #budget: Budget;

  constructor(ledger: Ledger, budget: ChildBudget) {
    this.#ledger = ledger;
    this.#budget = budget.$budget as Budget;
  }

  hold(bytes: number): Verdict {
    if (this.#ledger.isClosed) return REFUSED;
    if (this.#ledger.relieved(bytes)) return AGAIN;
    const verdict = this.#ledger.ask(this.#budget, bytes);
    if (verdict === GRANTED) this.#budget.charge(bytes);
    return verdict;
  }

  drop(bytes: number): void {
    this.#budget.charge(-bytes);
  }

  admit(): Verdict {
    return GRANTED;
  }

  refusal(action: string): Error {
    return this.#ledger.refusal(action);
  }
}
