/**
 * The error of an asset that was not loaded. It names the asset, so that among hundreds the one that failed is known.
 */

import { FrameAllocError } from "../../src/errors.ts";

/**
 * An asset was not loaded (`FA721`), or its source gave fewer or more bytes than it had announced (`FA722`). Where something else has
 * thrown, that is the `cause`: an error of the network, of the program's own function, or the reason of a cancellation.
 *
 * @example
 * ```ts
 * import { AssetError, AssetLoader, SmartAlloc } from "@framealloc/core";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const fetch = async () => await Promise.resolve(new Response("gone", { status: 404 }));
 * const loader = new AssetLoader(new SmartAlloc(), { fetch });
 * const [result] = await Array.fromAsync(loader.load(["https://example.com/rock.bin"]));
 * assert(!result!.ok && result!.error instanceof AssetError);
 * assertEquals([result!.error.code, result!.error.asset], ["FA721", "https://example.com/rock.bin"]);
 * ```
 */
export class AssetError extends FrameAllocError {
  /** The name of the asset. */
  readonly asset: string;
  /** How often it was tried; 0 if it was given up before the first time. */
  readonly attempts: number;

  /**
   * Makes the error of an asset.
   *
   * @param code What kind of failure.
   * @param message What was attempted, what is so, and what to do.
   * @param asset The name of the asset.
   * @param attempts How often it was tried.
   * @param options The cause, where there is one.
   */
  constructor(code: "FA721" | "FA722", message: string, asset: string, attempts: number, options?: ErrorOptions) {
    super(code, message, options);
    this.asset = asset;
    this.attempts = attempts;
  }
}
