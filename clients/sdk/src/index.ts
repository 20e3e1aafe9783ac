// What the package offers: connect, and the objects that come from it.
export { Mq9Error, type Mq9ErrorCode } from "@mq9/protocol";
