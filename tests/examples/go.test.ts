// The examples in Go; a file per language, so that they run beside each other.
import { describe } from "vitest";
import { testExamples } from "./run-examples.ts";

describe("the examples in Go", () => testExamples("go"));
