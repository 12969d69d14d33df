import { expect, test } from "vitest";
import { fitting } from "../src/switching";

const ROOMS = ["Étude", "Tea house", "Greenhouse", "The house of tea", "Über uns", "ann"];

test.each([
  ["", ROOMS],
  ["house", ["Tea house", "The house of tea", "Greenhouse"]], // the beginning of a word before a part of one
  ["TEA HOU", ["Tea house", "The house of tea"]],
  ["etu", ["Étude"]],
  ["uber", ["Über uns"]],
  ["hous tea", ["Tea house", "The house of tea"]],
  ["nothing", []],
])("what fits %j", (query, expected) => {
  expect(fitting(query, ROOMS, (name) => [name])).toEqual(expected);
});

test("somebody is found by either name, and the better fit comes first", () => {
  const people = [["Joanna", "jo"], ["Ann", "a.lee"], ["Bob", "ann"]];
  expect(fitting("ann", people, (names) => names)).toEqual([["Ann", "a.lee"], ["Bob", "ann"], ["Joanna", "jo"]]);
});
