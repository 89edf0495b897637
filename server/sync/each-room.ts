/**
 * Works through the rooms of an answer, some at once, and gives way to other requests in between: most
 * of it needs no I/O, so a large account's first sync would hold up everybody else.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

const atOnce = 16
const preparedAtOnce = 4 * atOnce
/** How long this may go on without a break, in ms. */
const maxTurnMs = 10

/**
 * Results in the order of the items. Fails with the first failure.
 *
 * @param prepare is called with some of the items before any of them is built, and while those before them are
 */
export async function mapRooms<Item, Result>(
  items: readonly Item[],
  build: (item: Item) => Promise<Result>,
  prepare?: (items: readonly Item[]) => Promise<void>,
): Promise<Result[]> {
  const results: Result[] = []
  const prepareFrom = (start: number) => {
    const some = items.slice(start, start + preparedAtOnce)
    const prepared = some.length > 0 ? prepare?.(some) : undefined
    prepared?.catch(() => undefined) // awaited when it is their turn, unless one before them fails
    return prepared
  }
  let prepared = prepareFrom(0)
  let turn = performance.now()
  for (let start = 0; start < items.length; start += atOnce) {
    if (start % preparedAtOnce === 0) {
      await prepared
      prepared = prepareFrom(start + preparedAtOnce)
    }
    results.push(...(await Promise.all(items.slice(start, start + atOnce).map(build))))
    if (performance.now() - turn < maxTurnMs) continue
    await nextTurn()
    turn = performance.now()
  }
  return results
}
