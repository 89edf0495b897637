/**
 * What no page may do, applied to every web contents there is: leave app://local, open windows,
 * embed others, get at devices.
 */
import { app, type Session, shell, type WebContents } from 'electron'
import { isAppOrigin, isAppUrl, isPermissionAllowed, judgeLink } from '../policy.js'

/** @param navigate shows a path in the main window, for `matrix:` links in messages */
export function guardWebContents(navigate: (path: string) => void): void {
  app.on('web-contents-created', (_event, contents) => {
    stayHome(contents)
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(({ url }) => {
      const verdict = judgeLink(url)
      if (verdict.open === 'outside') void shell.openExternal(verdict.url).catch(() => undefined)
      if (verdict.open === 'inside') navigate(verdict.path)
      return { action: 'deny' }
    })
  })
}

function stayHome(contents: WebContents): void {
  const refuseOthers = (event: { url: string; preventDefault(): void }) => {
    if (!isAppUrl(event.url)) event.preventDefault()
  }
  contents.on('will-navigate', refuseOthers)
  contents.on('will-redirect', refuseOthers)
  contents.on('will-frame-navigate', refuseOthers)
}

export function guardPermissions(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, decide, details) =>
    decide(isPermissionAllowed(permission, originOf(details.requestingUrl), details.isMainFrame)),
  )
  session.setPermissionCheckHandler((_contents, permission, origin, details) =>
    isPermissionAllowed(permission, origin, details.isMainFrame),
  )
  session.setDevicePermissionHandler(() => false)
  session.setDisplayMediaRequestHandler((_request, decide) => decide({}))
}

/** URL.origin is "null" for schemes the URL standard does not know. */
const originOf = (url: string) => (isAppOrigin(url) || isAppUrl(url) ? new URL('/', url).href : url)
