/**
 * `matrix:` links and second launches. Both mean: bring the window up, at the link if there is one.
 *
 * macOS sends links as `open-url`, perhaps before the app is ready; elsewhere they are arguments,
 * of this process or of a second one that hands them over and ends.
 */
import { app } from 'electron'
import { linkIn, pathOfMatrixLink } from '../policy.js'

export type Links = {
  /** From now on links go there; the last one that came before is delivered at once. */
  deliverTo(target: { show(): void; navigate(path: string): void }): void
}

/** Call before the app is ready. */
export function listenForLinks(given: readonly string[]): Links {
  let pending = linkIn(given)
  let target: { show(): void; navigate(path: string): void } | undefined
  const go = (path: string | undefined) => {
    if (path === undefined) target?.show()
    else if (target) target.navigate(path)
    else pending = path
  }
  app.on('open-url', (event, url) => {
    event.preventDefault()
    go(pathOfMatrixLink(url))
  })
  app.on('second-instance', (_event, argv) => go(linkIn(argv)))
  app.on('activate', () => target?.show())
  // A development run would register the bare Electron program.
  if (app.isPackaged) app.setAsDefaultProtocolClient('matrix')
  return {
    deliverTo(found) {
      target = found
      if (pending) found.navigate(pending)
      pending = undefined
    },
  }
}
