/** Builds what accounts have to do with mail addresses and identity servers. */
import { type Logger, loggerFor } from '../kernel/logger.js'
import { makeSendMail } from '../outbound/send-mail.js'
import { makeIdentityServer } from './identity-server.js'
import { makeThreepids } from './threepids.js'
import { makeValidateAddress } from './validate-address.js'

type Needs = Omit<Parameters<typeof makeIdentityServer>[0], 'logger'> &
  Omit<Parameters<typeof makeThreepids>[0], 'identityServer'> &
  Pick<Parameters<typeof makeValidateAddress>[0], 'baseUrl'> & {
    email: Parameters<typeof makeSendMail>[0]
    logger: Logger
  }

export function startThreepids({ email, ...needs }: Needs) {
  const logger = loggerFor(needs.logger, 'users')
  const sendMail = makeSendMail(email)
  return {
    validation: makeValidateAddress({ ...needs, logger, sendMail }),
    threepids: makeThreepids({ ...needs, identityServer: makeIdentityServer({ ...needs, logger }) }),
    /** Whether addresses can be shown to be somebody's. */
    sendsMail: sendMail !== undefined,
  }
}
