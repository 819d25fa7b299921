//! `#[stormglass::test]`: an async function with a storm in its hands, as an ordinary test over many seeds.
//!
//! Knows only how the attribute is written; what it means is the host's.

use proc_macro::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, ItemFn, Token, parse_macro_input};

struct Arguments {
    scenario: Expr,
    seeds: Option<Expr>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut scenario = None;
        let mut seeds = None;
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            if name == "scenario" {
                scenario = Some(input.parse()?);
            } else if name == "seeds" {
                seeds = Some(input.parse()?);
            } else {
                let says = format!("unknown argument `{name}`; there are `scenario` and `seeds`");
                return Err(syn::Error::new(name.span(), says));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let says = "needs a scenario: `scenario = \"scenarios/billing.yaml\"`";
        let scenario = scenario.ok_or_else(|| syn::Error::new(input.span(), says))?;
        Ok(Self { scenario, seeds })
    }
}

/// Makes a test of an async function that takes a `Storm`.
///
/// `scenario` is a file, looked for from the folder of the package, or the text of a scenario: a literal or a constant. `seeds` is a range, the
/// scenario's own unless given. Without `--cfg madsim` the test is not there.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let Arguments { scenario, seeds } = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    if function.sig.asyncness.is_none() || function.sig.inputs.len() != 1 {
        let says = "needs an `async fn` that takes a `Storm`";
        return syn::Error::new_spanned(&function.sig, says).to_compile_error().into();
    }
    let name = &function.sig.ident;
    let attributes = &function.attrs;
    let inputs = &function.sig.inputs;
    let block = &function.block;
    let seeds = seeds.map_or_else(|| quote!(None), |seeds| quote!(Some(#seeds)));
    quote! {
        #[cfg(madsim)]
        #[test]
        #(#attributes)*
        fn #name() {
            async fn body(#inputs) #block
            ::stormglass::trial::Trial {
                name: concat!(module_path!(), "::", stringify!(#name)),
                package: env!("CARGO_PKG_NAME"),
                folder: env!("CARGO_MANIFEST_DIR"),
                scenario: #scenario,
                seeds: #seeds,
            }
            .hold(body);
        }
    }
    .into()
}
