/**
 * Whether a request comes from this machine and was meant to: for onboarding, as a second condition beside its secret.
 * It never stands alone, because behind a proxy that does not say whom it speaks for, or any tunnel, everybody does.
 *
 * A web page anywhere can make a browser on this machine send requests to 127.0.0.1, under a name
 * of its own (DNS rebinding) or as a foreign origin. So the socket, the Host and the Origin must
 * all be ours, and nothing may have been forwarded.
 */
const loopbackAddress = /^(?:127(?:\.[0-9]{1,3}){3}|::1|::ffff:127(?:\.[0-9]{1,3}){3})$/
const loopbackHost = /^(?:127(?:\.[0-9]{1,3}){3}|localhost|\[::1\])(?::[0-9]{1,5})?$/i

/** Each says that somebody else is behind the one who asks. */
const proxied = /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/

/** Origin of the desktop app's own pages. */
export const appOrigin = 'app://local'

export function isLoopback(
  socketAddress: string | undefined,
  headers: Readonly<Record<string, string | undefined>>,
): boolean {
  if (!socketAddress || !loopbackAddress.test(socketAddress)) return false
  if (Object.keys(headers).some((name) => proxied.test(name) && headers[name] !== undefined)) return false
  const host = headers.host ?? ''
  if (!loopbackHost.test(host)) return false
  const { origin } = headers
  return origin === undefined || origin === appOrigin || origin === `http://${host}`
}
