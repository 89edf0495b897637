import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { makeSendMail } from '../../../server/outbound/send-mail.js'

test('a mail server that says nothing is waited for so long and no longer', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const config = { smtp_url: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, from: 'hearth@example.org' }
  const sendMail = makeSendMail(config, { greetingTimeout: 200 })!
  await expect(sendMail({ to: 'a@example.org', subject: 'Hello', text: 'Hello' })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
  })
  silent.close()
}, 5_000)
