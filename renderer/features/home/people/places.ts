/** Where a link can be opened, from what listens: the network at home, the address from outside, this machine. */
import type { Reachability } from '../admin-api.js'

export type Place = 'home' | 'homeOff' | 'public' | 'here'

/** Those that are so or can be made so, the one that is most likely meant first. */
export function placesOf({ home_network, public: outside, this_machine }: Reachability): Place[] {
  const isListening = home_network.addresses.some((each) => each.url !== undefined)
  const canTurnOn = home_network.state !== 'by_configuration' && home_network.addresses.length > 0
  return [
    ...(outside.url === undefined ? [] : (['public'] as const)),
    ...(isListening ? (['home'] as const) : canTurnOn ? (['homeOff'] as const) : []),
    ...(this_machine.url === undefined ? [] : (['here'] as const)),
  ]
}

export function urlsOf(reach: Reachability, place: Place): string[] {
  if (place === 'public') return reach.public.url === undefined ? [] : [withSlash(reach.public.url)]
  if (place === 'here') return reach.this_machine.url === undefined ? [] : [reach.this_machine.url]
  return reach.home_network.addresses.flatMap(({ url }) => url ?? [])
}

const withSlash = (url: string) => (url.endsWith('/') ? url : `${url}/`)

/** The token stands in the fragment, which no browser sends and no server writes down. */
export const invitationUrl = (base: string, token: string) => `${base}#invite=${token}`
