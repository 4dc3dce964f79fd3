#!/usr/bin/perl
# Speaks ActionLoop itself, as a program in any language can.
use strict;
use warnings;
use IO::Handle;
use JSON::PP;

open my $answers, '>&=', 3 or die $!;
binmode $_, ':encoding(UTF-8)' for \*STDOUT, \*STDERR;
$_->autoflush(1) for $answers, \*STDOUT, \*STDERR;
my $json = JSON::PP->new->utf8->allow_nonref;
while (my $line = <STDIN>) {
    my $run = $json->decode($line);
    my $args = $run->{value};
    my $do = $args->{do};
    my $result = $args;
    $result = { greeting => "Hello $args->{name}" } if $do eq 'hello';
    $result = { error => 'no', more => 1 } if $do eq 'error';
    $result = { error => 'boom' } if $do eq 'fail';
    $result = [1, 2] if $do eq 'array';
    $result = 'text' if $do eq 'text';
    exit 3 if $do eq 'exit';
    sleep 30 if $do eq 'sleep';
    if ($do eq 'logs') {
        print "one\ntwo\n";
        print STDERR "three\n";
        print "four\n";
        $result = {};
    }
    $result = { __OW_NAMESPACE => $run->{namespace}, __OW_ACTION_NAME => $run->{action_name}, TOKEN => $ENV{TOKEN} } if $do eq 'env';
    print "$args->{text}\n" if $do eq 'say';
    print {$answers} $json->encode($result), "\n";
}
