/** How much room the disk has that holds the embedded database; asked before each batch, which costs 2 µs. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Writes are refused while less is free: the engine never meets a full disk, and has room to flush and to tidy up.
 * A program that fills the disk faster than a batch is written is met by `StoreHealth.fail`.
 */
export const leastFreeBytes = 64 * 1024 * 1024
/** Writes are taken again once that much is free. */
export const enoughFreeBytes = 96 * 1024 * 1024

/** @returns bytes that this account may use where `path` is or will be; undefined where the system does not say */
export function readFreeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch (error) {
    const parent = dirname(path)
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && parent !== path ? readFreeBytes(parent) : undefined
  }
}
