export { archiveAudit, type ExportedSeal, exportAudit } from "./archive.js";
export { sealAudit } from "./seal.js";
export { type AuditFault, type VerifiedSlice, verifyAudit } from "./verify.js";
export { watchAudit } from "./watch.js";
