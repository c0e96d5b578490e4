/**
 * A face for `@std/testing/mock` where only the npm registry can be reached: spies and stubs
 * with the same names and types, as far as tests need them.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any

import { assertEquals, AssertionError, assertIsError, assertStrictEquals } from "@std/assert";

/** An error of mocking. */
export class MockError extends Error {
  /** Creates an error. */
  constructor(message: string) {
    super(message);
    this.name = "MockError";
  }
}

/** What a spy knows of one call. */
export interface SpyCall<Self = any, Args extends unknown[] = any[], Return = any> {
  /** The arguments. */
  args: Args;
  /** What was returned. */
  returned?: Return;
  /** What was thrown. */
  error?: Error;
  /** What the function was called on. */
  self?: Self;
}

/** A function that records its calls. */
export interface Spy<Self = any, Args extends unknown[] = any[], Return = any> {
  (this: Self, ...args: Args): Return;
  /** The function behind it. */
  original: (this: Self, ...args: Args) => Return;
  /** The calls, oldest first. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the original method is back in its place. */
  restored: boolean;
  /** Puts the original method back. */
  restore(): void;
}

/** A method that records its calls. */
export interface MethodSpy<Self = any, Args extends unknown[] = any[], Return = any>
  extends Spy<Self, Args, Return>, Disposable {}

/** A method that records its calls and does something else instead. */
export interface Stub<Self = any, Args extends unknown[] = any[], Return = any> extends MethodSpy<Self, Args, Return> {
  /** What it does instead. */
  fake: (this: Self, ...args: Args) => Return;
}

/** The parameters of a method. */
export type GetParametersFromProp<Self, Prop extends keyof Self> = Self[Prop] extends (...args: infer Args) => unknown
  ? Args
  : unknown[];

/** The return type of a method. */
export type GetReturnFromProp<Self, Prop extends keyof Self> = Self[Prop] extends (...args: any[]) => infer Return
  ? Return
  : unknown;

/** Method spies and stubs that are in place. */
const active = new Set<MethodSpy>();

/** Wraps a function, or a method in its place, so that its calls are recorded. */
export function spy<Self = any, Args extends unknown[] = any[], Return = undefined>(): Spy<
  Self,
  Args,
  Return
>;
/** Wraps a function. */
export function spy<Self, Args extends unknown[], Return>(
  func: (this: Self, ...args: Args) => Return,
): Spy<Self, Args, Return>;
/** Wraps a method in its place. */
export function spy<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): MethodSpy<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>>;
export function spy(target?: any, property?: PropertyKey): Spy {
  if (property !== undefined) return replace(target, property);
  const func = target ?? (() => {});
  return record(func, func);
}

/** Replaces a method by one that does nothing, or by `func`, and records its calls. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func?: (
    this: Self,
    ...args: GetParametersFromProp<Self, Prop>
  ) => GetReturnFromProp<Self, Prop>,
): Stub<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>> {
  const fake: any = func ?? (() => {});
  const mock: any = replace(self, property, fake);
  return Object.assign(mock, { fake });
}

/** Puts every original method back. */
export function restore(): void {
  for (const mock of [...active].reverse()) mock.restore();
}

/** Asserts how often a spy was called. */
export function assertSpyCalls(spy: Spy, expectedCalls: number): void {
  const { length } = spy.calls;
  if (length === expectedCalls) return;
  throw new AssertionError(`Expected ${expectedCalls} calls of the spy, but there were ${length}`);
}

/** What {@linkcode assertSpyCall} expects. */
export interface ExpectedSpyCall<Self = any, Args extends unknown[] = any[], Return = any> {
  /** The arguments. */
  args?: [...Args, ...unknown[]];
  /** What the function was called on. */
  self?: Self;
  /** What was returned. */
  returned?: Return;
  /** What was thrown. */
  error?: {
    /** Its class. */
    Class?: new (...args: any[]) => any;
    /** What its message contains. */
    msgIncludes?: string;
  };
}

/** Asserts what a spy knows of one call, counted from 0. */
export function assertSpyCall<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: ExpectedSpyCall<Self, Args, Return> = {},
): void {
  const call = spy.calls[callIndex];
  if (!call) throw new AssertionError(`Expected call ${callIndex} of the spy, but there is none`);
  if ("args" in expected) assertEquals<unknown>(call.args, expected.args);
  if ("self" in expected) assertStrictEquals(call.self, expected.self);
  if ("returned" in expected) {
    if ("error" in call) throw new AssertionError("Expected the spy to return, but it threw");
    assertEquals<unknown>(call.returned, expected.returned);
  }
  if ("error" in expected) {
    assertIsError(call.error, expected.error?.Class, expected.error?.msgIncludes);
  }
}

function record(original: any, behaviour: any): Spy {
  const calls: SpyCall[] = [];
  function recorder(this: unknown, ...args: unknown[]): unknown {
    const call: SpyCall = { args };
    if (this !== undefined) call.self = this;
    calls.push(call);
    try {
      call.returned = behaviour.apply(this, args);
    } catch (error) {
      call.error = error as Error;
      throw error;
    }
    return call.returned;
  }
  const restore = () => {
    throw new MockError("Cannot restore: a function spy replaces no method");
  };
  return Object.assign(recorder, { original, calls, restored: false, restore });
}

function replace(self: any, property: PropertyKey, behaviour?: unknown): MethodSpy {
  const original = self[property];
  if (typeof original !== "function") {
    throw new MockError(`Cannot spy: property "${String(property)}" is not a method`);
  }
  if ([...active].some((mock) => mock === original)) {
    throw new MockError(`Cannot spy: already spying on method "${String(property)}"`);
  }
  const own = Object.getOwnPropertyDescriptor(self, property);
  const spy = record(original, behaviour ?? original);
  const restore = () => {
    if (spy.restored) throw new MockError("Cannot restore: method is already restored");
    if (own) Object.defineProperty(self, property, own);
    else delete self[property];
    spy.restored = true;
    active.delete(mock);
  };
  const mock = Object.assign(spy, { restore, [Symbol.dispose]: restore });
  Object.defineProperty(self, property, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
    value: mock,
  });
  active.add(mock);
  return mock;
}
