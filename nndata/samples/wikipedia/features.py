"""Articles of simplewiki that show what wikitext and titles can be, from plain to broken."""

# ruff: noqa: E501 - wikitext has the lines that it has

from __future__ import annotations

from nndata.samples.wikipedia.pages import Page

__all__ = ["FEATURES"]

_ARTICLES = {
    "Lists of the islands": """The islands have many things worth a visit.

* First the ''old'' bridges:
** the stone bridge,
** the wooden bridge;
*** its '''third''' plank is new
* then the mills.
# Walk to the mill.
# Look at the wheel.
#* It turns slowly.
#* It is made of oak.
# Walk back.
; Mill : a house that grinds corn
; Wheel
: It turns.
:: It turns all day.
:* It never stops.

----
Below the line the text goes on.""",
    "Styles of writing": """'''Bold''', ''italic'', '''''both''''' and l'''ett'''ers; it's the islanders' way.

'''Bold that is never closed
''Italic that is never closed
A line with 'single' and ''''four'''' marks.""",
    "Links between pages": """A [[village]], a [[village|small place]], two [[village]]s and some [[fisherman|fisher]]men.
See [[Thornmere#History]], [[#Below|below]], [[:Category:Villages]] and [[/Subpage]].
The pipe trick leaves [[Help:Contents|Contents]]. Spaces: [[ River Asel |the river ]].
Elsewhere: [[de:Fluss]] and [[:de:Fluss|the German page]], [[wikt:river]], [[w:River|the other wiki]].
A page that [[doesn't exist]], one in [[Mount Doran|the [hills]]], an empty [[ ]] and an open [[link
Outside: [https://example.org/a?b=c&d=e the site], [https://example.org], https://example.org/plain.
Mail: [mailto:mill@example.org write]. Other: [//example.org/x relative].

== Below ==
Here ends the page.

[[Category:Showcase|*]]
[[el:Ποταμός]]
[[ja:川]]""",
    "Files and pictures": """[[File:Bridge at Thornmere.jpg|thumb|right|220px|alt=A bridge|The [[bridge]] of '''1743''' over the \
[[River Asel|river]], seen from the [[mill]]]]
The bridge is old. [[Image:Mill.png]] The mill is older. [[:File:Mill.png|See the picture]].
[[Media:Song.ogg|Listen]].

<gallery mode="packed" caption="Views">
File:One.jpg|The ''first'' view
File:Two.jpg|The [[second]] view
Three.jpg
</gallery>
The text after the gallery.""",
    "Templates in the text": """{{Short description|Where templates stand}}
{{Infobox village
| name       = {{PAGENAME}}
| population = {{formatnum:1234}}
| motto      = {{lang|de|''Wind {{nowrap|und Wasser}}''}}
| map        = {{Location map
  | island = Tarn Island
  | label  = {{small|the {{abbr|vil.|village}}}}
  }}
| note       = a <nowiki>|</nowiki> bar and a = sign
}}
The road is {{convert|12|km|mi|abbr=on}} long. The name means {{lang|la|aqua clara}} in Latin.
It was built {{circa|1743}}.{{citation needed|date=May 2026}} {{quote|Slow is the water.|author=Ida}}
{{#if: {{{1|}}} | shown | hidden }} {{#switch: a | a = first | b = second }} {{{parameter|default}}}
{{unclosed|template
goes on to the end""",
    "Tables of the harvest": """The harvest was good.
{| class="wikitable sortable" style="text-align:right"
|+ Harvest by '''year'''
! Year !! Apples !! Pears
|-
! scope="row" | 1901
| 12 || 30
|-
| colspan="2" | 1902 | with a bar
| rowspan=2 | {| class="inner"
| inside || the table
|}
|-
| [[1903]]<br />late || {{small|none}}
|}
It was the best in years.

<table><tr><th>Fruit</th><td>apple</td></tr></table>

{| never closed
| cell""",
    "Notes and sources": """The mill is old.<ref name="a">''The Mills'', 1901, p. 12. {{ISBN|0-00-000000-0}}</ref> It is \
tall.<ref name="a" /> It is brown.<ref group="note">Or ''grey''.</ref>
It never burned.<ref name=b>[https://example.org/mill The mill], read 2 May 2026</ref>

== Notes ==
<references group="note" />

== References ==
<references>
<ref name="c">Not used in the text.</ref>
</references>
<ref>never closed""",
    "Words kept as they are": """<nowiki>'''not bold''' and [[not a link]] and {{not a template}}</nowiki> but '''bold'''.
<pre>
  two   spaces  '''kept'''
  &lt;kept&gt;
</pre>
 a line that begins with a space
 keeps    its form
<syntaxhighlight lang="python">
def mill(corn): return [c * 2 for c in corn]  # '''x'''
</syntaxhighlight>
<code>wheel = 1</code> and <nowiki /> an empty one.""",
    "Hidden words": """The path <!-- a comment with [[link]] and {{template}} --> goes on.
<!-- a comment
over
lines -->
The path ends here. <!-- never closed
this is not seen""",
    "Marks of HTML": """H<sub>2</sub>O and x<sup>2</sup>, <small>small</small>, <big>big</big>, <s>gone</s>, <u>line</u>.
<div class="box" style="color:red">Inside a <span>box</span>.</div><br>New line<br/>and <BR />another.
<p>A paragraph.</p><center>In the middle</center><blockquote>Said so.</blockquote>
<poem>
The mill goes round,
the river down.
</poem>
<b>bold</b> <i>italic</i> <strong>strong</strong> <em>em</em> <unknown>tag</unknown> 1 < 2 > 0 <3
<hr><ul><li>one</li><li>two</li></ul> <section begin=a />part<section end=a />""",
    "Entities & signs": """Fish &amp; bread, 1&nbsp;km, 2 &lt; 3, &quot;so&quot;, &eacute;, &#228;, &#x4e2d;, &mdash;, &unknown; and &.
A soft&shy;hyphen, a thin&thinsp;space, &#0; and &#xD800; are no signs, &#128640; is one.
RTL: שלום and مرحبا. Marks: e\u0301 beside é. Zero\u200bwidth. Signs: 𝔐𝔦𝔩𝔩 🌾 𠀋 👩\u200d🌾.""",
    "Sums of the mill": """The wheel turns <math>\\frac{2\\pi r}{t}</math> times, so <math display="block">a^2 + b^2 = c^2</math>
and <chem>H2O</chem> flows. In text: a<sup>2</sup>. {{math|''r'' {{=}} 3}}""",
    "Magic words": """__NOTOC__ __NOEDITSECTION__
{{DISPLAYTITLE:magic words}}{{DEFAULTSORT:Words, Magic}}
This page is {{FULLPAGENAME}} on {{SITENAME}}, seen on {{CURRENTDAY}} {{CURRENTMONTHNAME}}.
There are {{NUMBEROFARTICLES}} pages. {{PLURAL:2|page|pages}} {{lc:LOUD}} {{formatnum:12345.6}}
__TOC__
-{zh-hans:a; zh-hant:b}-

= Level one =
== Level two ==
=== Level ''three'' ===
==== Level [[four]] ====
===== Level five =====
====== Level six ======
== Trailing words == <!-- a comment -->
== Not a heading
Words.""",
    "Shared parts": """<noinclude>Only here.</noinclude><includeonly>Only elsewhere.</includeonly><onlyinclude>
Here and there.</onlyinclude> {{:Thornmere}} {{Template:Island-stub}} {{/Part}}
<!-- --> {{msg:old}} {{int:mainpage}}""",
    "Tagged parts": """<score>{ c' d' e' }</score> <timeline>
ImageSize = width:200
</timeline>
<imagemap>File:Map.svg|100px
rect 0 0 10 10 [[Thornmere]]
</imagemap>
<templatestyles src="Box/styles.css" /><graph>{"a": 1}</graph><hiero>A1</hiero>
<mapframe latitude=1 longitude=2 /> The map is above.""",
    "A very long line": "The river goes on and on, " * 120 + "and then it ends.",
    "Many links": " ".join(f"[[Mill {number}|mill]]" for number in range(300)) + ".",
    "Deep brackets": "{{" * 40 + "deep" + "}}" * 40 + " The text after the deep brackets.",
    "Empty page": "",
    "Stub": "{{stub}}",
    "Title: a word & \"more\" 'marks'": "'''Title''' holds a colon, an ampersand and marks.",
    "12:30": "'''12:30''' is a time: half past twelve.",
    "C++ & C# (tools)": "'''C++ & C#''' stand for two saws of the carpenters.",
    "🌾": "'''🌾''' is the sign of the mill.",
    "𝔐𝔦𝔩𝔩": "'''𝔐𝔦𝔩𝔩''' is written in old letters.",
    "Ålgård's Çedilla–Ñandú": "'''Ålgård's Çedilla–Ñandú''' is a title with many marks.",
    "AC/DC (mill)": "'''AC/DC''' is a mill with two wheels.",
    "100% wool": "'''100% wool''' is cloth made of nothing but wool.",
    "L" + "o" * 60 + "ng title": "This page has a long title.",
}
_REDIRECTS = {  # text as people write it: in other letters, to a section, with a template after it
    "The old mill": ("#REDIRECT [[Tables of the harvest]]", "Tables of the harvest"),
    "The lists": ("#redirect [[Lists of the islands]]", "Lists of the islands"),
    "Level two": ("#REDIRECT: [[Magic words#Level two]]", "Magic words#Level two"),
    "Times": ("#REDIRECT [[12:30|time]]\n\n{{R from plural}}\n[[Category:Redirects]]", "12:30"),
    "A & B": ("#REDIRECT [[Entities & signs]]", "Entities & signs"),
    "The lists again": ("#REDIRECT [[The lists]]", "The lists"),
}

FEATURES = (
    *(Page(title, text) for title, text in _ARTICLES.items()),
    *(Page(title, text, redirect=target) for title, (text, target) in _REDIRECTS.items()),
)
