/** An address of this machine that is not loopback: tests of the network at home go through it. */
import { networkInterfaces } from 'node:os'
import { homeAddressesOf } from '../../server/network/home-addresses.js'

/** @throws Error on a machine that is on no network */
export function readHomeAddress(): string {
  const [first] = homeAddressesOf(networkInterfaces())
  if (!first) throw new Error('this machine has no address but loopback, and the network at home cannot be tried')
  return first.address
}
