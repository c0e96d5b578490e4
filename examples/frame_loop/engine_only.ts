/**
 * The engine alone: everything is read as in the other variants, and nothing is kept. What this costs is the engine's own
 * price, and every variant pays it.
 */

import type { Game } from "./game.ts";
import type { Scene } from "./scene.ts";

/** Takes what the engine writes, and drops it: an object with real fields would have V8 make a number for each. */
class Sink {
  get x(): number {
    return 0;
  }
  set x(_value: number) {}
  get y(): number {
    return 0;
  }
  set y(_value: number) {}
  get z(): number {
    return 0;
  }
  set z(_value: number) {}
  get w(): number {
    return 0;
  }
  set w(_value: number) {}
}

/** Reads all that the games read. */
export class EngineOnly implements Game {
  readonly #sink = new Sink();

  frame(scene: Scene): void {
    const sink = this.#sink;
    for (const body of scene.bodies) {
      body.translation(sink);
      body.rotation(sink);
    }
    scene.eachContact((_a, _b, manifold) => {
      manifold.normal(sink);
      manifold.solverContactPoint(0, sink);
      manifold.contactImpulse(0);
    });
  }

  digest(): void {}
}
