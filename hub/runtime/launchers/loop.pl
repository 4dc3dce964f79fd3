# Speaks ActionLoop for a Perl function: `loop.pl SOURCE MAIN` (openwhisk-api §10.7). A line of JSON comes for each run, one goes back.

use strict;
use warnings;
use IO::Handle;
use JSON::PP;

my ($source, $main) = splice @ARGV;
my $json = JSON::PP->new->utf8->allow_nonref->canonical(0)->max_depth(10_000);
open my $answers, '>&=', 3 or die "descriptor 3: $!";
open my $runs, '<&', \*STDIN or die "standard input: $!";
open STDIN, '<', '/dev/null' or die "/dev/null: $!";
binmode $_, ':encoding(UTF-8)' for \*STDOUT, \*STDERR;
$_->autoflush(1) for $answers, \*STDOUT, \*STDERR;

sub say_json { print {$answers} $json->encode($_[0]), "\n" }

unshift @INC, '.', 'lib';
my $loaded = do $source;
if (my $error = $@ || (defined $loaded ? '' : $!)) {
    chomp $error;
    print STDERR "$error\n";
    say_json({ error => $error });
    exit 1;
}
my $function = main->can($main);
if (!$function) {
    say_json({ error => "Action entrypoint '$main' is not a function." });
    exit 1;
}

say_json({ ok => JSON::PP::true });
while (defined(my $line = <$runs>)) {
    my $run = $json->decode($line);
    $ENV{ '__OW_' . uc $_ } = $run->{$_} for grep { $_ ne 'value' } keys %$run;
    my $result = eval { $function->($run->{value}) };
    if (my $error = $@) {
        chomp $error;
        print STDERR "$error\n";
        $result = { error => "$error" };
    }
    say_json(defined $result ? $result : {});
}
