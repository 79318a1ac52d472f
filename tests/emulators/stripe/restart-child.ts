import { startStripeEmulator } from "../../../emulators/stripe/index.js";

/** The emulator with the options of the command line; prints its port once it is ready. */
const emulator = await startStripeEmulator(JSON.parse(process.argv[2] ?? "{}"));
console.log(emulator.port);
