import type { ConsentTexts } from "./index.js";

export const ENGLISH: ConsentTexts = {
  title: "What you allow",
  name: {
    segmentation: "Work out what may interest you",
    storage: "Remember it on this device",
    reporting: "Help to count",
    sharing: "Share the groups you are in",
  },
  says: {
    segmentation: "From what you do on this site, this device works out which groups you belong to, and the site shows you other things for it. What you do stays here.",
    storage: "This device keeps it for your next visit. Otherwise it is forgotten when you leave.",
    reporting: "Now and then this device sends one answer that chance has mixed up. Many such answers tell how many people are in a group; of yours nobody can be sure. It needs the two above.",
    sharing: "This device tells the site which of the groups it asks for you are in, under a name that changes. What was shared is taken back when you turn this off.",
  },
  all: "Allow all",
  none: "Allow nothing",
  done: "Your choice is in effect.",
  kept: "It stays off: another setting of your browser or of this site does not allow it.",
  unavailable: "None of this happens in your browser.",
};
