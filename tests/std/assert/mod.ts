/**
 * A typed face for `@std/assert` where only the npm registry can be reached.
 *
 * The npm build of the standard library has no types, so each export states its own, as
 * `@std/assert` does. Only what tests need is here.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any

import * as std from "deno-std/assert/mod.js";

/** Any class, abstract or not. */
export type AnyConstructor = abstract new (...args: any[]) => any;

/** A class of errors. */
type ErrorConstructorOf<E extends Error> = abstract new (...args: any[]) => E;

/** A plain object whose members are to be matched. */
type Members = Record<PropertyKey, any>;

/** The error that a failed assertion throws. */
export interface AssertionError extends Error {}

/** The class of {@linkcode AssertionError}. */
export const AssertionError: {
  new (message: string, options?: ErrorOptions): AssertionError;
  readonly prototype: AssertionError;
} = std.AssertionError;

/** Whether two values are deeply equal. */
export const equal: (a: unknown, b: unknown) => boolean = std.equal;

/** Asserts that a value is truthy. */
export const assert: (expr: unknown, msg?: string) => asserts expr = std.assert;

/** A value that is `false` as a condition. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Asserts that a value is falsy. */
export const assertFalse: (expr: unknown, msg?: string) => asserts expr is Falsy = std.assertFalse;

/** Asserts deep equality. */
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertEquals;

/** Asserts that two values are not deeply equal. */
export const assertNotEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertNotEquals;

/** Asserts identity, as `Object.is()` sees it. */
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is T = std.assertStrictEquals;

/** Asserts that two values are not the same, as `Object.is()` sees it. */
export const assertNotStrictEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertNotStrictEquals;

/** Asserts that two numbers differ by no more than the tolerance (default 1e-7 of the expected). */
export const assertAlmostEquals: (
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
) => void = std.assertAlmostEquals;

/** Asserts that a value is neither `null` nor `undefined`. */
export const assertExists: <T>(actual: T, msg?: string) => asserts actual is NonNullable<T> = std.assertExists;

/** Asserts that a value is an instance of a class. */
export const assertInstanceOf: <T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
) => asserts actual is InstanceType<T> = std.assertInstanceOf;

/** Asserts that a value is not an instance of a class. */
export const assertNotInstanceOf: <A, T>(
  actual: A,
  unexpectedType: abstract new (...args: any[]) => T,
  msg?: string,
) => asserts actual is Exclude<A, T> = std.assertNotInstanceOf;

/** Asserts that a value is an error of a class, with a message that matches. */
export const assertIsError: <E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorConstructorOf<E>,
  msgMatches?: string | RegExp,
  msg?: string,
) => asserts error is E = std.assertIsError;

/** Asserts that a string contains another. */
export const assertStringIncludes: (actual: string, expected: string, msg?: string) => void = std.assertStringIncludes;

/** Asserts that a string matches a pattern. */
export const assertMatch: (actual: string, expected: RegExp, msg?: string) => void = std.assertMatch;

/** Asserts that a string does not match a pattern. */
export const assertNotMatch: (actual: string, expected: RegExp, msg?: string) => void = std.assertNotMatch;

/** Asserts that the first value is greater than the second. */
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreater;

/** Asserts that the first value is greater than or equal to the second. */
export const assertGreaterOrEqual: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreaterOrEqual;

/** Asserts that the first value is less than the second. */
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void = std.assertLess;

/** Asserts that the first value is less than or equal to the second. */
export const assertLessOrEqual: <T>(actual: T, expected: T, msg?: string) => void = std.assertLessOrEqual;

/** An array, or what reads like one. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** Asserts that the first array contains every element of the second. */
export const assertArrayIncludes: <T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
) => void = std.assertArrayIncludes;

/** Asserts that an object has at least the members of another. */
export const assertObjectMatch: (actual: Members, expected: Members, msg?: string) => void = std.assertObjectMatch;

/** Asserts that a function throws, and returns what it threw. */
export const assertThrows: {
  (fn: () => unknown, msg?: string): unknown;
  <E extends Error = Error>(
    fn: () => unknown,
    ErrorClass: ErrorConstructorOf<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
} = std.assertThrows;

/** Asserts that a function returns a promise that rejects, and resolves to the reason. */
export const assertRejects: {
  (fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  <E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    ErrorClass: ErrorConstructorOf<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
} = std.assertRejects;

/** Fails. */
export const fail: (msg?: string) => never = std.fail;

/** Fails, as code was reached that should not be. */
export const unreachable: (msg?: string) => never = std.unreachable;

/** Fails, as something is missing still. */
export const unimplemented: (msg?: string) => never = std.unimplemented;
