import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** What veraPDF says of files: FLAVOUR FILE... A line for each rule that a file breaks, one for the file. */
public final class Validate {
    public static void main(String[] given) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        PDFAFlavour flavour = PDFAFlavour.fromString(given[0]);
        for (int at = 1; at < given.length; at++) {
            try (var validator = Foundries.defaultInstance().createValidator(flavour, false);
                    var file = new FileInputStream(given[at]);
                    var parser = Foundries.defaultInstance().createParser(file, flavour)) {
                var result = validator.validate(parser);
                for (TestAssertion each : result.getTestAssertions())
                    System.out.printf("  %s %s%n", each.getRuleId().getClause(), each.getMessage());
                System.out.printf("%s %s%n", result.isCompliant() ? "PASS" : "FAIL", given[at]);
            }
        }
    }
}
