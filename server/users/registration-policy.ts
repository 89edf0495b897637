/**
 * Who may register: what the configuration offers, and whoever was invited.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#legacy-account-registration
 */
import type { HomeserverConfig } from '../kernel/config.js'
import { forbidden } from '../kernel/errors.js'
import type { Stage } from './user-interactive-auth.js'

export type RegistrationPolicy = {
  guests: boolean
  /** Which proofs are asked for, of which one will do; none where nobody can register now. */
  readFlows(): Promise<readonly (readonly Stage[])[]>
}

type Needs = { config: HomeserverConfig['registration']; hasInvitation(): Promise<boolean>; sendsMail: boolean }

export function makeRegistrationPolicy({ config, hasInvitation, sendsMail }: Needs): RegistrationPolicy {
  const byToken: Stage[] = ['m.login.registration_token']
  const open: Stage[][] = [
    ...(config.enabled && config.dummy_flow ? [['m.login.dummy'] satisfies Stage[]] : []),
    ...(config.enabled && (config.tokens.length > 0 || !config.dummy_flow) ? [byToken] : []),
  ]
  return {
    guests: config.guests,
    async readFlows() {
      const isByToken = !open.includes(byToken) && (await hasInvitation())
      const flows = isByToken ? [...open, byToken] : open
      // Whoever wants to may say how they are reached when they forget their password.
      return sendsMail ? [...flows, ...flows.map((stages) => [...stages, 'm.login.email.identity' as const])] : flows
    },
  }
}

export const registrationClosed = () => forbidden('This server makes accounts by invitation of its administrator only.')
