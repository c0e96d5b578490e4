/**
 * What stands for an allocation on a device.
 */

/** A number that stands for an allocation. It is plain and survives every copy; no other allocation ever has the same one. */
export type GpuHandle = number;
