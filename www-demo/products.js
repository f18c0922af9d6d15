/** The twelve things Little Fennel pretends to sell. */

/** What each is called, costs and belongs to; `tint` picks the colour behind the drawing. */
export const products = [
  { id: "bread", name: "Sourdough loaf", price: 6.5, tint: 1, department: "fresh", words: "Two days slow, dark crust, good for a week of toast." },
  { id: "tomatoes", name: "Vine tomatoes", price: 4.2, tint: 2, department: "fresh", words: "Still on the vine, and they smell like it." },
  { id: "eggs", name: "Six eggs", price: 3.9, tint: 3, department: "fresh", words: "From hens with names." },
  { id: "honey", name: "Heather honey", price: 11, tint: 4, department: "grocery", words: "Thick, dark, from the last week of August." },
  { id: "coffee", name: "House coffee", price: 14.5, tint: 1, department: "drinks", words: "Roasted on Mondays. Chocolate first, then orange." },
  { id: "tulips", name: "Bunch of tulips", price: 9, tint: 2, department: "other", words: "Pink today. Tomorrow, who knows." },
  { id: "oil", name: "Olive oil", price: 18, tint: 3, department: "grocery", words: "First press, peppery, half a litre." },
  { id: "lemons", name: "Amalfi lemons", price: 5.4, tint: 4, department: "fresh", words: "Unwaxed, so use the peel as well." },
  { id: "cheese", name: "Mountain cheese", price: 13.8, tint: 4, department: "fresh", words: "Fourteen months in a cellar, then here." },
  { id: "milk", name: "Oat milk", price: 3.2, tint: 3, department: "drinks", words: "Foams well, tastes of porridge in a nice way." },
  { id: "soap", name: "Olive soap", price: 7.5, tint: 2, department: "care", words: "Cut by hand, smells of nothing much." },
  { id: "kettle", name: "Copper kettle", price: 89, tint: 1, department: "household", words: "Heavy, loud, and older than both of us by the time you are done with it." },
];

/** Writes a price the way the shop does. */
export const money = (value) => new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(value);
